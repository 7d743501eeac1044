-- One value of 300 MB, incompressible enough that it is really stored.
create table clinic.huge (id int primary key, body text);
insert into clinic.huge select 1, string_agg(md5(i::text), '') from generate_series(1, 9830400) i;
