/**
 * Holds one value until its time to live is over.
 * @packageDocumentation
 */
export { Template, type TemplateEvent, type TemplateOptions } from './template.ts'
