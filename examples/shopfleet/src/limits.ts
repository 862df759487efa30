/** What one order can take. Apart from the schemas, so that a page need not load those. */
export const MAX_CART_LINES = 1_000
export const MAX_LINE_QUANTITY = 100_000
/**
 * A full cart of the limits, edited on a dozen devices, takes a tenth of it. Past it nothing is merged: a
 * device cannot come so far by itself.
 */
export const MAX_CART_BYTES = 500_000
