export const paymentsMigrations = [
  `-- pending: the provider may or may not have the money. voiding: being given back, or asked about.
   create table charges (
     order_id text primary key,
     amount_cents int not null check (amount_cents >= 0),
     refunded_cents int not null default 0 check (refunded_cents between 0 and amount_cents),
     status text not null check (status in ('pending', 'captured', 'declined', 'voiding', 'voided')),
     provider_id text,
     decline_message text,
     created_at timestamptz not null default now(),
     updated_at timestamptz not null default now()
   );
   create index charges_to_reconcile on charges (updated_at) where status in ('voiding', 'voided') and provider_id is null;

   create table refunds (
     id text primary key,
     order_id text not null references charges (order_id),
     amount_cents int not null check (amount_cents > 0),
     status text not null check (status in ('pending', 'done')),
     provider_id text,
     created_at timestamptz not null default now()
   );

   create table payouts (
     id bigint generated always as identity primary key,
     amount_cents bigint not null check (amount_cents > 0),
     worker text not null,
     lock_token bigint not null,
     created_at timestamptz not null default now()
   );

   -- Double entry: debits positive, credits negative, each posting sums to 0. Append-only but for the payout mark.
   create table ledger (
     posting text not null,
     account text not null check (account in ('provider', 'sales', 'bank')),
     amount_cents bigint not null check (amount_cents <> 0),
     payout_id bigint references payouts (id),
     at timestamptz not null default now(),
     primary key (posting, account)
   );
   create index ledger_unpaid on ledger (account) where payout_id is null;`,
  `-- authorised: the provider holds the money. settled: the order is PAID; captured_at says when the provider took it.
   alter table charges drop constraint charges_status_check;
   alter table charges add column captured_at timestamptz;
   update charges set status = 'settled', captured_at = updated_at where status = 'captured';
   alter table charges
     add constraint charges_status_check check (status in ('pending', 'authorised', 'settled', 'declined', 'voiding', 'voided')),
     add constraint charges_captured_check check (captured_at is null or status = 'settled'),
     add constraint charges_refunded_check check (refunded_cents = 0 or status in ('settled', 'voided'));

   -- receivable: settled, and not yet taken by the provider.
   alter table ledger drop constraint ledger_account_check;
   alter table ledger add constraint ledger_account_check check (account in ('receivable', 'provider', 'sales', 'bank'));`,
]
