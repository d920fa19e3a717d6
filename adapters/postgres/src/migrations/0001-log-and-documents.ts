import type { Relations } from '../relations.ts'

/** The log and the documents. Never edited: what changes later is another migration. */
export function logAndDocuments(r: Relations): string {
  return `
create table ${r.store} (
  single boolean primary key default true check (single),
  version integer not null,            -- of the schema: how many migrations have run
  partitions integer not null,
  pruned bigint not null default 0     -- highest position that was pruned: the log counts on from there
);

create table ${r.events} (
  position bigint not null primary key,
  stream_version bigint not null,
  time bigint not null,                -- milliseconds since 1970
  stream uuid not null,                -- first half of SHA-256 over tenant, category and key, a unit separator between them
  partition smallint not null,
  priority smallint not null,          -- 0 critical, 1 high, 2 normal, 3 low
  id text collate "C" not null,
  source text collate "C" not null,
  type text collate "C" not null,
  version text collate "C" not null,
  tenant text collate "C" not null,
  category text collate "C" not null,
  key text collate "C" not null,
  correlation text collate "C",        -- null: its own id
  causation text collate "C" not null,
  encoding text collate "C" not null,  -- empty: data is JSON text
  checksum text collate "C" not null,
  seal text collate "C" not null,
  context text collate "C" not null,
  data text collate "C",
  bytes bytea                          -- data that is not text; one of both is null
);
create unique index ${r.index('events_stream')} on ${r.events} (stream, stream_version);
-- An entry of a b-tree holds no more than 2,704 bytes; names longer than that are told apart by their hash.
create unique index ${r.index('events_id')} on ${r.events} (id, source) where octet_length(id) + octet_length(source) <= 2000;
create unique index ${r.index('events_long_id')} on ${r.events} (left(id, 100), md5(id || chr(10) || source))
  where octet_length(id) + octet_length(source) > 2000;
create index ${r.index('events_correlation')} on ${r.events} (left(correlation, 200)) where correlation is not null;
create index ${r.index('events_causation')} on ${r.events} (left(causation, 200)) where causation <> '';

-- How far streams had come whose newest events are gone.
create table ${r.prunedStreams} (
  stream uuid primary key,
  version bigint not null
);

create table ${r.documents} (
  document uuid primary key,           -- first half of SHA-256 over collection and id
  version bigint not null,
  collection text collate "C" not null,
  id text collate "C" not null,
  indexed text,                        -- what stands of it in the index table, as JSON; null: nothing
  body text not null
) with (fillfactor = 70);
create index ${r.index('documents_id')} on ${r.documents} (collection, left(id, 200));

create table ${r.documentIndex} (
  document uuid not null,
  space uuid not null,                 -- first half of SHA-256 over collection and name
  number double precision,             -- numbers order before text; one of both is null
  text text collate "C",
  id text collate "C" not null
);
create index ${r.index('document_index_value')} on ${r.documentIndex} (space, number, left(text, 200));
create index ${r.index('document_index_document')} on ${r.documentIndex} (document);
${commitUnits(r)}
${deadLetters(r)}
`
}

/**
 * One call commits many units: it looks whether what its caller assumed still holds, under the lock that makes positions commit
 * order, and writes everything or nothing. p_mode 0: answers what does not hold; 1: raises TD001 instead; 2: looks without the lock, writes nothing and
 * raises. Expected versions: -1 any, -2 none that there could be. Versions that the caller remembers of streams, -1 where it does not, are
 * as good as looked up while the log stands where it stood then, at p_head: whoever appends moves it. Arrays of rows, because plpgsql
 * unfolds each array on its way in, and twenty arrays cost ten times what one of rows does.
 */
function commitUnits(r: Relations): string {
  return `
create type ${r.types.stream} as (stream uuid, expected bigint, remembered bigint);
create type ${r.types.document} as (
  document uuid, expected bigint,
  action smallint,           -- 0 looked at, 1 put, 2 deleted
  puts integer, anew boolean, collection text, id text, indexed text, body text);
create type ${r.types.entry} as (
  document integer,          -- its place among the documents
  space uuid, number double precision, text text, id text);
create type ${r.types.absent} as (id text, source text);
create type ${r.types.event} as (
  stream integer,            -- its place among the streams
  nth integer,               -- its number among those appended to its stream
  partition smallint, priority smallint, time bigint, id text, source text, type text, version text, tenant text, category text,
  key text, correlation text, causation text, encoding text, checksum text, seal text, context text, data text, bytes bytea);

create function ${r.commitUnits}(
  p_mode smallint, p_head bigint, p_streams ${r.types.stream}[], p_documents ${r.types.document}[],
  p_entries ${r.types.entry}[], p_absent ${r.types.absent}[], p_events ${r.types.event}[],
  out ok boolean, out head bigint, out stream_versions bigint[], out document_versions bigint[], out stored text
) language plpgsql volatile as $function$
declare
  v_broken boolean;
  v_same boolean;
  v_indexed boolean;
  v_puts boolean;
  v_deletes boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'Events are appended in READ COMMITTED transactions only.' using errcode = 'TD002';
  end if;
  if p_mode <> 2 then
    -- What is acknowledged must be on disk, whatever the session says.
    if current_setting('synchronous_commit') = 'off' then
      perform set_config('synchronous_commit', 'on', true);
    end if;
    perform pg_advisory_xact_lock(${r.appendLock});
  end if;

  ok := true;
  if cardinality(p_streams) > 0 then
    head := greatest((select max(e.position) from ${r.events} e), (select s.pruned from ${r.store} s));
    v_same := head = p_head;
    select array_agg(s.version order by s.at), bool_or(s.expected <> -1 and s.expected <> s.version)
    into stream_versions, v_broken
    from (
      select g.at, g.expected, case when v_same and g.remembered >= 0 then g.remembered else greatest(
        (select e.stream_version from ${r.events} e where e.stream = g.stream order by e.stream_version desc limit 1),
        (select p.version from ${r.prunedStreams} p where p.stream = g.stream),
        0) end as version
      from unnest(p_streams) with ordinality g (stream, expected, remembered, at)
      offset 0) s;
    ok := not v_broken;
  end if;
  if cardinality(p_documents) > 0 then
    select array_agg(coalesce(d.version, 0) order by g.at), bool_or(g.expected <> -1 and g.expected <> coalesce(d.version, 0)),
      bool_or(d.indexed is not null and g.action <> 0 and g.indexed is distinct from d.indexed), bool_or(g.action = 1),
      bool_or(g.action = 2)
    into document_versions, v_broken, v_indexed, v_puts, v_deletes
    from unnest(p_documents) with ordinality g (document, expected, action, puts, anew, collection, id, indexed, body, at)
    left join ${r.documents} d on d.document = g.document;
    ok := ok and not v_broken;
  end if;
  if cardinality(p_absent) > 0 then
    select json_agg(json_build_array(f.at, f.position, f.stream_version))::text into stored from (
      select g.at, e.position, e.stream_version
      from unnest(p_absent) with ordinality g (id, source, at)
      join ${r.events} e on e.id = g.id and e.source = g.source and octet_length(e.id) + octet_length(e.source) <= 2000
      union all
      select g.at, e.position, e.stream_version
      from unnest(p_absent) with ordinality g (id, source, at)
      join ${r.events} e on left(e.id, 100) = left(g.id, 100) and e.id = g.id and e.source = g.source
        and md5(e.id || chr(10) || e.source) = md5(g.id || chr(10) || g.source)
        and octet_length(e.id) + octet_length(e.source) > 2000
      where octet_length(g.id) + octet_length(g.source) > 2000) f;
    ok := ok and stored is null;
  end if;

  if not ok and p_mode <> 0 then
    raise exception 'What a unit expected does not hold.' using errcode = 'TD001',
      detail = json_build_object('streams', stream_versions, 'documents', document_versions, 'found', stored::json);
  end if;
  if not ok or p_mode = 2 then
    return;
  end if;

  if v_indexed then
    delete from ${r.documentIndex} i using (
      select d.document
      from unnest(p_documents) c
      join ${r.documents} d on d.document = c.document
      where d.indexed is not null and c.action <> 0 and c.indexed is distinct from d.indexed) stale
    where i.document = stale.document;
  end if;
  if v_deletes then
    delete from ${r.documents} d using unnest(p_documents) c where c.action = 2 and d.document = c.document;
  end if;
  if v_puts then
    insert into ${r.documents} (document, collection, id, version, body, indexed)
    select c.document, c.collection, c.id, c.puts + case when c.anew then 0 else document_versions[c.at] end, c.body, c.indexed
    from unnest(p_documents) with ordinality c (document, expected, action, puts, anew, collection, id, indexed, body, at)
    where c.action = 1
    on conflict (document) do update set version = excluded.version, body = excluded.body, indexed = excluded.indexed;
  end if;
  if cardinality(p_entries) > 0 then
    insert into ${r.documentIndex} (document, space, number, text, id)
    select (p_documents[x.document]).document, x.space, x.number, x.text, x.id
    from unnest(p_entries) x
    where not exists (
      select 1 from ${r.documentIndex} i where i.document = (p_documents[x.document]).document and i.space = x.space);
  end if;

  if cardinality(p_events) > 0 then
    insert into ${r.events} (position, stream_version, time, stream, partition, priority, id, source, type, version, tenant,
      category, key, correlation, causation, encoding, checksum, seal, context, data, bytes)
    select head + e.at, stream_versions[e.stream] + e.nth, e.time, (p_streams[e.stream]).stream, e.partition, e.priority, e.id,
      e.source, e.type, e.version, e.tenant, e.category, e.key, e.correlation, e.causation, e.encoding, e.checksum, e.seal,
      e.context, e.data, e.bytes
    from unnest(p_events) with ordinality
      e (stream, nth, partition, priority, time, id, source, type, version, tenant, category, key, correlation, causation,
        encoding, checksum, seal, context, data, bytes, at);
  end if;
end
$function$;
`
}

/**
 * Parked events as people ask for them in SQL. What PostgreSQL text cannot hold, NULs and halves of surrogate pairs, shows as U+FFFD; a
 * body that cannot be read as JSON is left out, and hides no other.
 */
function deadLetters(r: Relations): string {
  const field = (...path: readonly string[]): string =>
    `${r.parkedField}(d.body, ${path.map((part) => `'${part}'`).join(', ')})`
  return `
create function ${r.parkedField}(body text, variadic path text[]) returns text language plpgsql immutable
as $function$
begin
  return body::json #>> path;
exception when others then
  begin
    return regexp_replace(body, '\\\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\\\ufffd', 'g')::json #>> path;
  exception when others then
    return null;
  end;
end
$function$;

create view ${r.deadLetters} as
select
  p.event_id,
  p.event_name,
  p.subscription,
  p.error,
  p.error_name,
  p.fingerprint,
  p.attempts,
  p.first_failed_at,
  p.last_failed_at,
  p.parked_at,
  replace(p.stream, chr(31), '/') as stream,
  split_part(p.stream, chr(31), 1) as tenant,
  p.position,
  p.run,
  e.data as payload
from (
  select
    ${field('eventId')} as event_id,
    ${field('type')} as event_name,
    ${field('subscription')} as subscription,
    ${field('run')}::bigint as run,
    ${field('error', 'message')} as error,
    ${field('error', 'name')} as error_name,
    ${field('error', 'fingerprint')} as fingerprint,
    ${field('attempts')}::bigint as attempts,
    to_timestamp(${field('firstFailedAt')}::double precision / 1000) as first_failed_at,
    to_timestamp(${field('lastFailedAt')}::double precision / 1000) as last_failed_at,
    to_timestamp(${field('parkedAt')}::double precision / 1000) as parked_at,
    ${field('stream')} as stream,
    ${field('offset')}::bigint as position
  from ${r.documents} d
  where d.collection = 'parked' and ${field('state')} = 'dead'
) p
left join ${r.events} e on e.position = p.position and e.id = p.event_id;
`
}
