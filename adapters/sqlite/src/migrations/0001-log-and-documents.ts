/** The log, the streams it is made of, and the documents. Never edited: what changes later is another migration. */
export const logAndDocuments = `
create table tidings_meta (
  name text primary key,
  value any not null
) strict, without rowid;

create table tidings_streams (
  id integer primary key,
  tenant text not null,
  category text not null,
  key text not null,
  partition integer not null,
  pruned integer not null default 0, -- highest version that was pruned: the stream counts on from there
  unique (tenant, category, key)
) strict;

create table tidings_events (
  position integer primary key,
  stream integer not null,
  stream_version integer not null,
  partition integer not null,
  id text not null,
  source text not null,
  type text not null,
  version text not null,
  time integer not null,      -- milliseconds since 1970
  priority integer not null,  -- 0 critical, 1 high, 2 normal, 3 low
  correlation text,           -- null: its own id
  causation text not null,
  encoding text not null,     -- empty: data is JSON text
  checksum text not null,
  seal text not null,
  context text not null,
  data any not null
) strict;
create unique index tidings_events_id on tidings_events (id, source);
create unique index tidings_events_stream on tidings_events (stream, stream_version);
create index tidings_events_correlation on tidings_events (correlation) where correlation is not null;
create index tidings_events_causation on tidings_events (causation) where causation <> '';

create table tidings_documents (
  collection text not null,
  id text not null,
  version integer not null,
  body text not null,
  indexed text, -- what stands of it in tidings_document_index, as JSON; null: nothing
  primary key (collection, id)
) strict, without rowid;

create table tidings_document_index (
  collection text not null,
  name text not null,
  value any not null,
  id text not null,
  primary key (collection, name, value, id)
) strict, without rowid;

-- For people: the log as it reads best.
create view tidings_log as
select
  e.position,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.time / 1000.0, 'unixepoch') as time,
  e.type,
  s.tenant,
  s.category,
  s.key,
  e.stream_version,
  case when e.encoding = '' and typeof(e.data) = 'text' then e.data
       else '(' || octet_length(e.data) || ' bytes' || iif(e.encoding = '', '', ', ' || e.encoding) || ')' end as data,
  case e.priority when 0 then 'critical' when 1 then 'high' when 2 then 'normal' else 'low' end as priority,
  e.id,
  e.source,
  e.version,
  ifnull(e.correlation, e.id) as correlation,
  nullif(e.causation, '') as causation,
  nullif(e.context, '') as context
from tidings_events e join tidings_streams s on s.id = e.stream;
`
