/** What one order can take. Apart from the schemas, so that a page need not load those. */
export const MAX_CART_LINES = 1_000
export const MAX_LINE_QUANTITY = 100_000
