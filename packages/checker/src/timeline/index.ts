/**
 * A history and what a check found in it, as one HTML page or one SVG image.
 * @packageDocumentation
 */
export type { TimelineOptions } from './options.ts'
export { renderTimeline } from './render-timeline.ts'
export { renderTimelineSvg } from './render-timeline-svg.ts'
