-- What points out of the database: publications, subscriptions, foreign servers and tables, large objects.
create publication everything for all tables with (publish = 'insert, update');
create publication some_rows for table clinic.device (id, label), clinic.numbers where (id > 3) with (publish_via_partition_root = true);
create publication whole_schema for tables in schema "Größe & Co.";
create publication nothing;
alter publication some_rows owner to clinic_super;
create subscription dormant connection 'host=192.0.2.1 dbname=none password=secret' publication far_away, "Über Fluß" with (connect = false, slot_name = 'dormant_slot');

create foreign data wrapper nowhere options (debug 'true');
create server far_away type 'moon' version '1.0' foreign data wrapper nowhere options (host 'example.org', note 'it''s far');
create user mapping for clinic_reader server far_away options (password 'never told');
create foreign table clinic.far (id int options (key 'yes') not null, name text) server far_away options (table 'x', "Odd Option" 'y');
grant usage on foreign server far_away to clinic_writer;

select lo_from_bytea(70001, '\x'), lo_from_bytea(70002, decode('00ff', 'hex')), lo_from_bytea(70003, decode(repeat('0123456789abcdef', 40000), 'hex'));
select lo_create(70004), lo_put(70004, 1000000, 'after a hole of zeroes');
grant select on large object 70002 to clinic_reader;
alter large object 70003 owner to clinic_owner;
comment on large object 70002 is 'two bytes';
