export const catalogMigrations = [
  `create table products (
     sku text primary key check (length(sku) between 1 and 40),
     name text not null,
     price_cents int not null check (price_cents > 0),
     version bigint not null default 1,
     updated_at timestamptz not null default now()
   )`,
]
