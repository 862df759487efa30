/** The tables, as `migrate()` makes them, and every statement. `S` stands for the quoted schema. */

// saga_worker  one row per live lease. Writers lock it FOR KEY SHARE, fencing deletes it. Renewing changes
//              no key column, so it neither waits for writers nor blocks them.
// saga         one row per saga, written at start, when parked, and at the end: not once per step.
// saga_log     append-only; records are `json`, not `jsonb`, which refuses \u0000 and reorders keys.
// saga_signal  numbered per saga by saga.signals, under the lock of the saga's row.
export const migration = (S: string): string => `
  select pg_advisory_xact_lock(hashtextextended('quorate.saga.migrate', 0));
  create schema if not exists ${S};
  create table if not exists ${S}.saga_worker (
    id bigint generated always as identity primary key,
    expires_at timestamptz not null
  );
  create table if not exists ${S}.saga (
    id text primary key,
    name text not null,
    version integer not null,
    input json,
    status text not null check (status in ('running', 'compensating', 'completed', 'compensated', 'needs-attention')),
    worker bigint,
    wake_at timestamptz not null default now(),
    due_at timestamptz,
    signals integer not null default 0,
    created_at timestamptz not null default now(),
    ended_at timestamptz
  );
  create table if not exists ${S}.saga_log (
    saga_id text not null,
    seq integer not null,
    worker bigint,
    at timestamptz not null default now(),
    records json not null,
    primary key (saga_id, seq)
  );
  create table if not exists ${S}.saga_signal (
    saga_id text not null,
    seq integer not null,
    name text not null,
    payload json,
    at timestamptz not null default now(),
    primary key (saga_id, seq)
  );
  create index if not exists saga_claim on ${S}.saga (status, wake_at) where worker is null and ended_at is null;
  create index if not exists saga_owned on ${S}.saga (worker) where worker is not null;
  create index if not exists saga_created on ${S}.saga (created_at);
`

export interface Statements {
  readonly register: string
  readonly renew: string
  readonly unregister: string
  readonly reap: string
  readonly free: string
  readonly write: string
  readonly enqueue: string
  readonly checkpoint: string
  readonly claim: string
  readonly owned: string
  readonly load: string
  readonly list: string
  readonly settled: string
  readonly signal: string
  readonly reopen: string
}

export const statements = (S: string): Statements => ({
  register: `insert into ${S}.saga_worker (expires_at) values (now() + $1 * interval '1 ms') returning id::text`,

  renew: `update ${S}.saga_worker set expires_at = now() + $2 * interval '1 ms' where id = $1`,

  // Deleting waits for commits in flight that hold the row, and one statement cannot see what they wrote.
  // So freeing is a statement of its own, and finds what an engine left that died between the two.
  unregister: `delete from ${S}.saga_worker where id = $1`,

  reap: `delete from ${S}.saga_worker where id in
    (select id from ${S}.saga_worker where expires_at < now() order by id for update skip locked)`,

  // By the ids of the dead, which never come back: a row that was claimed meanwhile is rechecked and left.
  free: `
    with orphan as materialized (
      select distinct s.worker from ${S}.saga s
      where s.worker is not null and not exists (select from ${S}.saga_worker w where w.id = s.worker)
    )
    update ${S}.saga as s set worker = null, wake_at = now() from orphan where s.worker = orphan.worker`,

  // One flush: starts, appends and changed rows of many sagas in one commit. A repeated flush finds its
  // own rows and changes nothing. The worker's row makes it all or nothing against a takeover.
  // `worker + 0` keeps the planner off saga_owned: one key for all of a worker's rows, most of them dead.
  write: `
    with fence as materialized (select id from ${S}.saga_worker where id = $1 for key share),
    started as (
      insert into ${S}.saga (id, name, version, input, status, worker)
      select u.id, u.name, u.version, u.input::json, 'running', case when u.owned then fence.id end
      from fence, unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::bool[]) as u (id, name, version, input, owned)
      on conflict (id) do nothing
      returning id
    ),
    logged as (
      insert into ${S}.saga_log (saga_id, seq, worker, records)
      select u.id, u.seq, fence.id, u.records::json
      from fence, unnest($7::text[], $8::int[], $9::text[], $10::bool[]) as u (id, seq, records, opens)
      where not u.opens or u.id in (select id from started)
      on conflict (saga_id, seq) do nothing
      returning saga_id
    ),
    changed as (
      update ${S}.saga as s set
        status = u.status,
        worker = case when u.release and s.signals <= u.seen then null else s.worker end,
        wake_at = coalesce(now() + u.due * interval '1 ms', s.wake_at),
        due_at = coalesce(now() + u.due * interval '1 ms', s.due_at),
        ended_at = case when u.status in ('completed', 'compensated') then now() end
      from fence, unnest($11::text[], $12::text[], $13::bool[], $14::float8[], $15::int[]) as u (id, status, release, due, seen)
      where s.id = u.id and s.worker + 0 = fence.id and u.id in (select saga_id from logged)
      returning s.id, u.release and s.worker is not null as kept
    )
    select (select count(*)::int from fence) as held,
      (select coalesce(array_agg(id), '{}') from started) as started,
      (select coalesce(array_agg(id), '{}') from changed where kept) as kept`,

  enqueue: `
    insert into ${S}.saga (id, name, version, input, status)
    select u.id, u.name, u.version, u.input::json, 'running'
    from unnest($1::text[], $2::text[], $3::int[], $4::text[]) as u (id, name, version, input)
    on conflict (id) do nothing
    returning id`,

  // The append of a transactional step. No "do nothing": if the row is there, an earlier attempt whose
  // commit was not acknowledged got through, and this one must roll back.
  checkpoint: `
    with fence as materialized (select id from ${S}.saga_worker where id = $1 for key share),
    logged as (
      insert into ${S}.saga_log (saga_id, seq, worker, records) select $2, $3, fence.id, $4::json from fence
    ),
    changed as (
      update ${S}.saga as s set
        status = $5,
        worker = case when $6 and s.signals <= $8 then null else s.worker end,
        wake_at = coalesce(now() + $7::float8 * interval '1 ms', s.wake_at),
        due_at = coalesce(now() + $7::float8 * interval '1 ms', s.due_at),
        ended_at = case when $5 in ('completed', 'compensated') then now() end
      from fence where s.id = $2 and s.worker + 0 = fence.id and $5::text is not null
      returning $6 and s.worker is not null as kept
    )
    select (select count(*)::int from fence) as held, coalesce((select kept from changed), false) as kept`,

  claim: `
    with fence as materialized (select id from ${S}.saga_worker where id = $1 for key share),
    due as (
      select id from ${S}.saga
      where worker is null and ended_at is null and status in ('compensating', 'running')
        and wake_at <= now() and name = any($2::text[])
      order by status, wake_at limit $3 for update skip locked
    ),
    claimed as (update ${S}.saga as s set worker = fence.id from due, fence where s.id = due.id returning s.id)
    select (select count(*)::int from fence) as held, (select coalesce(array_agg(id), '{}') from claimed) as ids`,

  owned: `select id from ${S}.saga where worker = $1`,

  load: `
    select s.id, s.name, s.version, s.input::text as input, s.status,
      extract(epoch from s.created_at) * 1000 as created_at_ms, extract(epoch from s.ended_at) * 1000 as ended_at_ms,
      extract(epoch from s.due_at - now()) * 1000 as due_in_ms,
      array(select l.records::text from ${S}.saga_log l where l.saga_id = s.id order by l.seq) as log,
      array(select extract(epoch from l.at) * 1000 from ${S}.saga_log l where l.saga_id = s.id order by l.seq)::float8[] as log_at_ms,
      array(select g.name from ${S}.saga_signal g where g.saga_id = s.id order by g.seq) as signal_names,
      array(select g.payload::text from ${S}.saga_signal g where g.saga_id = s.id order by g.seq) as signal_payloads
    from ${S}.saga s where s.id = any($1::text[]) and ($2::bigint is null or s.worker = $2)`,

  list: `
    select id, name, version, status,
      extract(epoch from created_at) * 1000 as created_at_ms, extract(epoch from ended_at) * 1000 as ended_at_ms
    from ${S}.saga
    where ($1::text is null or status = $1) and ($2::text is null or name = $2)
    order by created_at desc limit $3`,

  settled: `
    select id from ${S}.saga where id = any($1::text[]) and status not in ('running', 'compensating')`,

  signal: `
    with target as (
      update ${S}.saga set signals = signals + 1, wake_at = now() where id = $1 and ended_at is null
      returning id, signals
    ),
    kept as (
      insert into ${S}.saga_signal (saga_id, seq, name, payload) select id, signals, $2, $3::json from target
    )
    select exists (select from target) as kept, exists (select from ${S}.saga where id = $1) as found`,

  reopen: `
    with target as (
      update ${S}.saga set status = $4, wake_at = now(), due_at = null
      where id = $1 and status = 'needs-attention' and not exists
        (select from ${S}.saga_log where saga_id = $1 and seq >= $2)
      returning id
    )
    insert into ${S}.saga_log (saga_id, seq, records) select id, $2, $3::json from target`,
})
