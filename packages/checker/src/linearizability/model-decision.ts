import type { Part } from './part.ts'
import type { Problem } from './problem.ts'
import type { Decision } from './search.ts'

/** Decides some parts of a model without a search; `undefined` for the others. */
export type ModelDecision = <S>(part: Part<S>, problem: Problem) => Decision | undefined

const decisions = new WeakMap<object, ModelDecision>()

/**
 * Has a model decided by a way of its own, which who does not import the model does not load. It is for this very
 * object: what somebody makes of it may behave otherwise.
 */
export function decidedBy<M extends object>(model: M, decision: ModelDecision): M {
  decisions.set(model, decision)
  return model
}

/** What {@link decidedBy} was told. */
export const decisionOf = (model: object): ModelDecision | undefined => decisions.get(model)
