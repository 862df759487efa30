export const ordersMigrations = [
  `create table orders (
     id text primary key,
     user_id text not null,
     status text not null check (status in ('CREATED', 'PAYMENT_PENDING', 'PAID', 'FULFILLMENT_PENDING',
                                            'SHIPPED', 'DELIVERED', 'CANCELLED', 'REFUNDED')),
     cancel_reason text check (cancel_reason in ('out-of-stock', 'declined', 'unknown-product', 'unavailable')),
     short jsonb,
     total_cents int not null default 0 check (total_cents >= 0),
     refunded_cents int not null default 0 check (refunded_cents between 0 and total_cents),
     tracking text,
     created_at timestamptz not null default now(),
     updated_at timestamptz not null default now(),
     check ((status = 'CANCELLED') = (cancel_reason is not null))
   );
   create index orders_of_user on orders (user_id, created_at desc);

   create table order_lines (
     order_id text not null references orders (id),
     sku text not null,
     quantity int not null check (quantity > 0),
     price_cents int not null check (price_cents >= 0),
     refunded_quantity int not null default 0 check (refunded_quantity between 0 and quantity),
     primary key (order_id, sku)
   );

   -- Append-only: every status an order was ever in.
   create table order_history (
     order_id text not null,
     seq bigint generated always as identity primary key,
     status text not null,
     at timestamptz not null default now()
   );
   create index order_history_of_order on order_history (order_id, seq);

   create table order_refunds (
     id text primary key,
     order_id text not null references orders (id),
     lines jsonb not null,
     amount_cents int not null check (amount_cents > 0),
     status text not null check (status in ('pending', 'done')),
     created_at timestamptz not null default now()
   )`,
  // Paid orders that the shop could not fulfil: the money goes back, and the customer is told why.
  `alter table orders add column apology text check (apology in ('oversold'))`,
  // What took the lines out of the cart, for the customer's devices: base64 of a delta.
  `alter table orders add column cart_removal text`,
]
