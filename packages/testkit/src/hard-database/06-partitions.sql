-- Partitions of every kind, several levels, and old-style inheritance whose columns come back in another order.
create table clinic.result (id bigint generated always as identity, at timestamptz not null, ward int, body jsonb) partition by range (at);
create table clinic.result_2024 partition of clinic.result for values from ('2024-01-01 00:00+00') to ('2025-01-01 00:00+00');
create table clinic.result_2025 partition of clinic.result for values from ('2025-01-01 00:00+00') to ('2026-01-01 00:00+00') partition by list (ward);
create table clinic.result_2025_a partition of clinic.result_2025 for values in (1, 2);
create table clinic.result_2025_none partition of clinic.result_2025 for values in (null);
create table clinic.result_rest partition of clinic.result default;
create table clinic.result_attached (ward int, extra_gone int, body jsonb, at timestamptz not null, id bigint not null);
alter table clinic.result_attached drop column extra_gone;
alter table clinic.result attach partition clinic.result_attached for values from ('2023-01-01 00:00+00') to ('2024-01-01 00:00+00');
create index result_body on clinic.result using gin (body jsonb_path_ops);
create index result_2024_only on clinic.result_2024 (ward) where ward is not null;
insert into clinic.result (at, ward, body)
select '2023-06-01 00:00+00'::timestamptz + i * '1 day'::interval, case when '2023-06-01 00:00+00'::timestamptz + i * '1 day'::interval >= '2025-01-01 00:00+00' then nullif(1 + i % 3, 3) else i % 4 end,
       jsonb_build_object('n', i, 'text', md5(i::text))
  from generate_series(1, 1200) i;

create table clinic.spread (k int primary key, v text) partition by hash (k);
create table clinic.spread_0 partition of clinic.spread for values with (modulus 3, remainder 0);
create table clinic.spread_1 partition of clinic.spread for values with (modulus 3, remainder 1);
create table clinic.spread_2 partition of clinic.spread for values with (modulus 3, remainder 2) with (fillfactor = 50);
insert into clinic.spread select i, 'v' || i from generate_series(1, 100) i;
create table clinic.points_at_spread (k int references clinic.spread on delete cascade, note text) partition by range (k);
create table clinic.points_low partition of clinic.points_at_spread for values from (minvalue) to (50);
create table clinic.points_high partition of clinic.points_at_spread for values from (50) to (maxvalue);
insert into clinic.points_at_spread select 1 + i % 100, 'note ' || i from generate_series(1, 200) i;
create table clinic.no_leaves (a int) partition by range (a);

create table clinic.event (id int primary key, what text);
create table clinic.alarm (loudness int) inherits (clinic.event);
create table clinic.note (author text default 'nobody', what text) inherits (clinic.event);
alter table clinic.event add column added_to_parent int default 3;
create table clinic.loud_note () inherits (clinic.alarm, clinic.note);
insert into clinic.event values (1, 'event');
insert into clinic.alarm values (1, 'same id in a child', 9);
insert into clinic.note (id, what) values (2, 'note');
insert into clinic.loud_note (id, what, loudness, author) values (3, 'loud', 11, 'me');
