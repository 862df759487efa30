export const inventoryMigrations = [
  // available: free to sell. reserved: held for orders not yet paid. sold: left the shelf, minus what came back.
  // The checks are the last line of defence: the conditional update never lets a number get that far.
  `create table stock (
     sku text primary key check (length(sku) between 1 and 40),
     available int not null check (available >= 0),
     reserved int not null default 0 check (reserved >= 0),
     sold int not null default 0 check (sold >= 0),
     version int not null default 1
   );

   create table reservations (
     id text primary key,
     status text not null check (status in ('reserved', 'committed', 'released')),
     lines jsonb not null,
     created_at timestamptz not null default now(),
     updated_at timestamptz not null default now()
   );

   create table restocks (
     id text primary key,
     reservation_id text not null,
     lines jsonb not null,
     created_at timestamptz not null default now()
   );

   -- Append-only: the sum of a sku's movements is its row in stock, which anybody can check at any time.
   create table stock_movements (
     id bigint generated always as identity primary key,
     sku text not null,
     kind text not null check (kind in ('opening', 'reserve', 'commit', 'release', 'restock')),
     ref text not null,
     available_delta int not null,
     reserved_delta int not null,
     sold_delta int not null,
     at timestamptz not null default now(),
     unique (kind, ref, sku)
   )`,
  // Reservations that were promised without a look at the shelf, and the look's verdicts (`overselling.ts`).
  `alter table reservations
     drop constraint reservations_status_check,
     add constraint reservations_status_check
       check (status in ('reserved', 'promised', 'oversold', 'committed', 'released')),
     -- Who came first, for the look: the newest orders are those undone.
     add column seq bigint generated always as identity,
     -- With oversold: which lines were short, and what was there.
     add column short jsonb,
     add check (short is null or status in ('oversold', 'released'));
   create index reservations_promised on reservations (seq) where status = 'promised';

   alter table stock_movements
     drop constraint stock_movements_kind_check,
     add constraint stock_movements_kind_check
       check (kind in ('opening', 'reserve', 'promise', 'apology', 'commit', 'release', 'restock'))`,
]
