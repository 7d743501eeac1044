-- Extensions in places of their own, and things of users that hang on them, as with postgis.
create schema extensions;
create extension hstore schema extensions;
create extension pg_trgm schema extensions;
create extension pgcrypto schema public;
comment on extension hstore is 'attributes of devices';
grant usage on schema extensions to clinic_reader;
revoke execute on function public.gen_salt(text) from public;
grant execute on function public.gen_salt(text) to clinic_writer;

create schema clinic authorization clinic_owner;
create table clinic.device (
  id int primary key,
  attributes extensions.hstore not null default ''::extensions.hstore,
  label text
);
create index device_label_trgm on clinic.device using gin (label extensions.gin_trgm_ops);
create index device_attributes on clinic.device using gist (attributes extensions.gist_hstore_ops (siglen = 32));
insert into clinic.device
select i, extensions.hstore(array['serial', 'site'], array['SN-' || i, case when i % 3 = 0 then null else 'ward ' || i end]), 'Gerät №' || i
  from generate_series(1, 50) i;

-- Dropped with the extension, although the user wrote it.
create function clinic.same_device(a text, b text) returns boolean language sql stable
  return extensions.similarity(a, b) > 0.4;
alter function clinic.same_device(text, text) depends on extension pg_trgm;
