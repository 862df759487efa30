/**
 * Vectors and stamps in HTTP headers and in W3C baggage.
 * @packageDocumentation
 */
export {
  type BaggageHeader,
  type BaggageOptions,
  hlcFromBaggage,
  hlcToBaggage,
  vectorFromBaggage,
  vectorToBaggage,
} from './baggage.ts'
export { BaggageLimitError } from './errors.ts'
export { hlcFromHeader, hlcToHeader, vectorFromHeader, vectorToHeader } from './header.ts'
