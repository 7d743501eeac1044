-- Every built-in type with the values that break things.
create table clinic.numbers (
  id int primary key, small int2, big int8, exact numeric, money_like numeric(12, 2), f4 float4, f8 float8, flag bool, cash money, object oid
);
insert into clinic.numbers values
  (1, -32768, -9223372036854775808, 'NaN', 0.10, 'NaN', 'NaN', true, '-92233720368547758.08', 0),
  (2, 32767, 9223372036854775807, 'Infinity', -9999999999.99, 'Infinity', 'Infinity', false, '92233720368547758.07', 4294967295),
  (3, 0, 0, '-Infinity', 0.00, '-Infinity', '-Infinity', null, '0', 1),
  (4, 1, 1, 1.000000000000000000000000000000, 1.50, 1.17549e-38, 2.2250738585072014e-308, true, '0.01', 2),
  (5, -1, -1, 12345678901234567890123456789012345678901234567890.000000000000000000001, null, 3.4e38, 1.7976931348623157e308, true, null, null),
  (6, null, null, 1e-1000, null, 0.1, 0.1, null, null, null),
  (7, null, null, -0.0, null, '-0', '-0', null, null, null);

create table clinic.times (
  id int primary key, d date, t time, tz timetz, ts timestamp, tstz timestamptz, ts3 timestamp(3), span interval, years interval year
);
insert into clinic.times values
  (1, '4713-01-01 BC', '00:00', '00:00+15:59', '4713-01-01 00:00 BC', '4713-01-01 00:00+00 BC', '2000-01-01 00:00:00.0005', '178000000 years', '5 years'),
  (2, '5874897-12-31', '24:00', '24:00-15:59', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '1999-12-31 23:59:59.9995', '-178000000 years', '-5 years'),
  (3, 'infinity', '23:59:59.999999', '23:59:59.999999+00', 'infinity', 'infinity', null, '1 mon -1 days +00:00:00.000001', null),
  (4, '-infinity', '12:00', '12:00-03:30', '-infinity', '-infinity', null, '-1 mons +1 day -24:00:00', null),
  (5, '0001-12-31 BC', '00:00:00.000001', null, '0001-01-01', '2026-10-25 02:30:00+02', null, '0', null),
  (6, '2024-02-29', null, null, '2024-02-29 12:00', '2026-10-25 02:30:00+01', null, null, null);

create table clinic.texts (
  id int primary key, t text, v varchar(10), c char(6), n name, one "char", phone text collate clinic.german_phonebook, nick text collate clinic.ignore_case
);
insert into clinic.texts values
  (1, '', '', '', '', '', '', ''),
  (2, E'tab\there\nnewline\r\nbackslash \\ \\. \\N quote '' " dollar $$', E'\\N', 'ab', 'name', 'x', 'Müller', 'MÜLLER'),
  (3, E'emoji 👩‍⚕️ combining e\u0301 vs \u00e9, rtl \u202eabc\u202c, zero\u200bwidth, nbsp\u00a0, max \U0010FFFF', 'ẞßſ', 'ÄÖÜ', 'Ünï', 'z', 'Mueller', 'müller'),
  (4, E'\u0001\u0002\u001f\u007f\u0080\u2028\ufeff', '  pad  ', '  a', ' ', ' ', 'Muller', null),
  (5, null, null, null, null, null, null, null),
  (6, 'NULL', 'NULL', 'NULL', 'NULL', 'N', '(),"{}', '\'),
  (7, repeat('ab€', 20000), null, null, null, null, null, null);

create table clinic.binaries (id int primary key, raw bytea, few bit(3), many bit varying(64), kept bytea);
alter table clinic.binaries alter kept set storage external;
insert into clinic.binaries values
  (1, '\x', B'000', B'', '\x'),
  (2, '\x00ff5c27220a0d5c4e', B'101', B'1010101010101010101010101010101010101010101010101010101010101010', null),
  (3, decode(repeat('00', 4096), 'hex'), B'111', B'1', decode(repeat('deadbeef', 3000), 'hex')),
  (4, null, null, null, null);

create table clinic.documents (id int primary key, j json, jb jsonb, x xml, path jsonpath);
insert into clinic.documents values
  (1, '{"b":1,  "a":2, "b":3}', '{"b":1, "a":2, "b":3}', '<a><!-- c --><b x="1">ä &amp; &lt;</b></a>', '$.a[*] ? (@ > 1)'),
  (2, '"\ud83d\ude00 \u00e9 \/ \\ \" \b\f\n\r\t"', '"\ud83d\ude00 \u00e9 \/ \\ \" \b\f\n\r\t"', 'text only, no root', '$'),
  (3, '[1.0, 1.00, 1e400, -0, 123456789012345678901234567890.123]', '[1.0, 1.00, 1e400, -0, 123456789012345678901234567890.123]', '<?xml version="1.0"?><r/>', 'strict $."odd \"key\""'),
  (4, 'null', 'null', '', null),
  (5, '{}', '{}', null, null),
  (6, null, null, null, null),
  (7, null, jsonb_build_object('', '', ' ', E'\u2028', 'null', null, 'deep', '[[[[[[[[[[{"a":[[]]}]]]]]]]]]]'::jsonb), null, null);

create table clinic.networks (id int primary key, host inet, net cidr, mac macaddr, mac8 macaddr8, key uuid, lsn pg_lsn, snap pg_snapshot);
insert into clinic.networks values
  (1, '192.168.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '00000000-0000-0000-0000-000000000000', '0/0', '10:20:10,14,15'),
  (2, '::ffff:1.2.3.4/96', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'FFFFFFFF/FFFFFFFF', null),
  (3, '0.0.0.0/0', '::/0', null, null, null, null, null);

create table clinic.shapes (id int primary key, p point, l line, s lseg, b box, pa path, po polygon, c circle);
insert into clinic.shapes values
  (1, '(0.1,-0)', '{1,-1,0}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,2),(3,0.30000000000000004)]', '((0,0),(1,1),(2,0))', '<(0,0),1e-300>'),
  (2, '(NaN,Infinity)', null, null, null, '((0,0),(1,1))', null, null);

create table clinic.ranges (id int primary key, i int4range, n numrange, d daterange, t tstzrange, scores clinic.score_range, mi int8multirange, md datemultirange);
insert into clinic.ranges values
  (1, 'empty', '(,)', '[2024-01-01,2024-01-01]', '[2024-01-01 00:00+00,infinity)', '[0.1,NaN)', '{}', '{(,)}'),
  (2, '[1,10)', '[1.50,2.500]', '(-infinity,infinity)', '(,2026-01-01 00:00+00]', 'empty', '{[1,2),[5,7)}', '{[2024-01-01,2024-02-01),[2025-01-01,)}'),
  (3, null, 'empty', null, null, null, null, null);

create table clinic.arrays (id int primary key, i int[], t text[][], lower int[], empty text[], c clinic.coding[], issues clinic.issue[], e clinic.severity[], d clinic.codings, j jsonb[]);
insert into clinic.arrays values
  (1, '{1,NULL,-1}', '{{a,b},{"c d","NULL"}}', '[-2:0]={7,8,9}', '{}', array[row('http://loinc.org', '8480-6', 'Systolic "BP", (mm[Hg])')::clinic.coding, null, row(null, '', E'\\')::clinic.coding],
   array[row('error', array[row('s', 'c', 'd')::clinic.coding], '2024-01-01 00:00+00')::clinic.issue], '{fatal,warning}', array[row('a', 'b', 'c')::clinic.coding], array['{"a":1}', 'null', null]::jsonb[]),
  (2, null, '{}', '{{1}}', array[null]::text[], '{}', null, '{}', null, '{}'),
  (3, array(select generate_series(1, 5000)), null, null, array['', ' ', ',', '"', '\', '{}', 'null', E'\n'], null, null, null, null, null);

create table clinic.searchable (id int primary key, v tsvector, q tsquery);
insert into clinic.searchable values
  (1, 'a:1A,2B,3C fat:2,4 ''it''''s'':5', '''fat'' & (''rat'' | !''cat'') <2> ''dog'':*AB'),
  (2, '', ''), (3, to_tsvector('simple', 'Blutdruck Herz Grüße 血圧'), null);

create table clinic.composites (id int primary key, who clinic.coding, what clinic.issue, mail clinic.email, size clinic.small_positive, odd clinic."Odd Enum", "row" clinic.device);
insert into clinic.composites values
  (1, row('s', 'c', null), row('fatal', null, 'infinity'), 'a@b', 99, 'it''s', (select d from clinic.device d where id = 1)),
  (2, null, row(null, null, null), 'ü@ü', null, '', null);

create table clinic.empty_table (id int primary key, nothing text);
create table clinic.no_columns ();
insert into clinic.no_columns default values;
insert into clinic.no_columns default values;
create unlogged table clinic.scratchpad (id int, note text);
insert into clinic.scratchpad select i, 'note ' || i from generate_series(1, 20) i;
create table clinic.duplicates (a int, b text);
insert into clinic.duplicates select i % 3, 'same' from generate_series(1, 300) i;
create table clinic.wide_rows (id int primary key, body jsonb, blob bytea);
insert into clinic.wide_rows
select i, jsonb_build_object('text', (select string_agg(md5(i || '-' || j), '') from generate_series(1, 500) j)),
       decode((select string_agg(md5(j || '+' || i), '') from generate_series(1, 300) j), 'hex')
  from generate_series(1, 40) i;
create table clinic.dropped_columns (a int, gone text, b text, gone_too int, c text default 'later');
insert into clinic.dropped_columns select i, 'x', 'b' || i, i from generate_series(1, 30) i;
alter table clinic.dropped_columns drop column gone, drop column gone_too;
alter table clinic.dropped_columns add column added timestamptz default '2020-02-02 02:02:02+00', add column "added too" int[] default '{1,2}';
create schema "empty schema" authorization clinic_owner;
