import type {
  CartSyncBody,
  CartSyncView,
  OrderView,
  Problem,
  ProductView,
  ProfileView,
  ReplicasReport,
} from '../../src/api.ts'

/** What the shop said when it did not do what was asked. */
export class ShopError extends Error {
  readonly problem: Problem | undefined

  constructor(status: number, problem: Problem | undefined) {
    super(problem?.message ?? `The shop answered ${status}`)
    this.problem = problem
  }
}

/** The gateway's public API for one user. */
export class Shop {
  readonly #user: string

  constructor(user: string) {
    this.#user = user
  }

  products(query: string, after: string | null): Promise<{ products: ProductView[]; next: string | null }> {
    const search = new URLSearchParams({
      limit: '24',
      ...(query === '' ? {} : { q: query }),
      ...(after === null ? {} : { after }),
    })
    return this.#call('GET', `/api/products?${search}`)
  }

  product(sku: string): Promise<ProductView> {
    return this.#call('GET', `/api/products/${encodeURIComponent(sku)}`)
  }

  syncCart(body: CartSyncBody): Promise<CartSyncView> {
    return this.#call('PUT', '/api/cart/sync', body)
  }

  /** The order, also when it was declined or out of stock: that is an answer, not a failure. */
  async checkout(orderId: string, paymentMethod: string, cart: string): Promise<OrderView> {
    try {
      return await this.#call('POST', '/api/checkout', { orderId, paymentMethod, cart })
    } catch (error) {
      if (error instanceof ShopError && error.problem?.order !== undefined) return error.problem.order
      throw error
    }
  }

  orders(): Promise<{ orders: OrderView[] }> {
    return this.#call('GET', '/api/orders')
  }

  refund(order: OrderView): Promise<unknown> {
    const lines = order.lines
      .map(({ sku, quantity, refundedQuantity }) => ({ sku, quantity: quantity - refundedQuantity }))
      .filter(({ quantity }) => quantity > 0)
    return this.#call('POST', `/api/orders/${order.id}/refunds`, { refundId: `${order.id}-refund`, lines })
  }

  /** `undefined` for a user who has not said a name yet. */
  async profile(): Promise<ProfileView | undefined> {
    try {
      return await this.#call<ProfileView>('GET', '/api/profile')
    } catch (error) {
      if (error instanceof ShopError) return undefined
      throw error
    }
  }

  saveProfile(profile: { name: string; country: string; address: string | null }): Promise<ProfileView> {
    return this.#call('PUT', '/api/profile', profile)
  }

  /** Not of this user: of the shop. */
  replicas(): Promise<ReplicasReport> {
    return this.#call('GET', '/api/admin/replicas')
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#fetch(path, {
      method,
      headers: {
        'x-user-id': this.#user,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    })
    const text = await response.text()
    const json = parse(text)
    if (!response.ok) throw new ShopError(response.status, json as Problem | undefined)
    return json as T
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(path, init)
    } catch (error) {
      // fetch() says "Failed to fetch" for a network that is away, and nothing of what to do.
      throw new Error('The shop cannot be reached; it is tried again by itself', { cause: error })
    }
  }
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined // a proxy's page: the status has to do
  }
}

export const money = (cents: number): string =>
  new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'GBP' }).format(cents / 100)
