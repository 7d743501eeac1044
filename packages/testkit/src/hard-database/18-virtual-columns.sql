-- New in PostgreSQL 18: generated columns that are computed when read, constraints that are not enforced.
create table clinic.virtual (
  id int primary key, weight numeric, doubled numeric generated always as (weight * 2) virtual,
  constraint light check (weight < 10) not enforced
);
insert into clinic.virtual (id, weight) select i, i * 1.5 from generate_series(1, 20) i;
