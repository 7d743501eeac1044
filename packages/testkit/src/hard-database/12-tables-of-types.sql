-- Typed tables, storage and compression of columns, a table in another tablespace, serials of every width.
create table clinic.typed of clinic.coding (code with options not null, primary key (code));
insert into clinic.typed values ('s', 'c1', 'one'), (null, 'c2', null);
create table clinic.stored (
  a text, b text compression pglz, c text
) with (toast_tuple_target = 4080, parallel_workers = 3) tablespace hard_space;
alter table clinic.stored alter a set storage external, alter c set storage main;
insert into clinic.stored select repeat('a' || i, 3000), repeat('b' || i, 3000), 'c' from generate_series(1, 5) i;
create index stored_elsewhere on clinic.stored (c) tablespace hard_space;
create table clinic.serials (s smallserial, i serial, b bigserial, primary key (b));
insert into clinic.serials select from generate_series(1, 12);
create table clinic.cluster_me (id int, v text);
insert into clinic.cluster_me select i, md5(i::text) from generate_series(1000, 1, -1) i;
create index cluster_me_id on clinic.cluster_me (id);
alter table clinic.cluster_me replica identity full;
alter table clinic.empty_table replica identity nothing;
