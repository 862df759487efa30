import type { PipeTransform } from '@nestjs/common'
import type { z } from 'zod'

/** Checks a parameter or a body with a zod schema; what does not fit is answered 400 by the problem filter. */
export class ZodPipe<S extends z.ZodType> implements PipeTransform<unknown, z.infer<S>> {
  readonly #schema: S

  constructor(schema: S) {
    this.#schema = schema
  }

  transform(value: unknown): z.infer<S> {
    return this.#schema.parse(value)
  }
}
