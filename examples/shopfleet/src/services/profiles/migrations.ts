export const profilesMigrations = [
  `create table profiles (
     user_id text primary key,
     name text not null,
     email text,
     country text not null,
     address text,
     version int not null default 1,
     updated_at timestamptz not null default now()
   )`,
]
