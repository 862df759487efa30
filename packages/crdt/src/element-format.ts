import {
  elementFromJSON,
  elementToJSON,
  isElement,
  readElement,
  type SetElement,
  writeElement,
} from './element.ts'
import type { TypeFormat } from './format.ts'
import type { FragmentFormat } from './fragment-codec.ts'

/** The format of sets whose entries say nothing but that an element is there. */
export const elementFormat = <T extends 'g-set' | 'or-set'>({
  type,
  tag,
}: TypeFormat<T>): FragmentFormat<T, SetElement, undefined> => ({
  type,
  tag,
  writeKey: writeElement,
  readKey: readElement,
  isKey: isElement,
  writePayload: () => {},
  readPayload: () => undefined,
  isPayload: (payload) => payload === undefined,
  samePayload: () => true,
  toJSON: (element) => ({ element: elementToJSON(element) }),
  fromJSON: ({ element }) => ({ key: elementFromJSON(element), payload: undefined }),
})
