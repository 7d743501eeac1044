-- Row security (also forced on its owner), grants with options, default privileges, labels of ownership.
create table clinic.secret (id int primary key, doctor text not null, note text, grade clinic.severity default 'error');
insert into clinic.secret select i, case when i % 2 = 0 then 'Ärztin O''Neill' else 'other' end, 'note ' || i, 'warning' from generate_series(1, 40) i;
alter table clinic.secret owner to clinic_owner;
alter table clinic.secret enable row level security;
alter table clinic.secret force row level security;
create policy own_notes on clinic.secret for select to clinic_reader, public using (doctor = current_user);
create policy "write own" on clinic.secret as restrictive for insert to clinic_writer with check (doctor = current_user and id in (select id from clinic.device));
create policy on_update on clinic.secret for update using (grade <> 'fatal') with check (grade in ('warning', 'information'));
create table clinic.closed (id int);
insert into clinic.closed values (1), (2);
alter table clinic.closed enable row level security;

grant select, insert on clinic.secret to clinic_writer with grant option;
set session authorization "Ärztin O'Neill";
grant select on clinic.secret to clinic_reader;
reset session authorization;
revoke all on clinic.closed from public;
revoke select on clinic.closed from clinic_owner;
grant trigger, references, truncate on clinic.closed to clinic_writer;
grant all on schema clinic to clinic_writer;
revoke usage on schema public from public;
grant usage, create on schema public to clinic_writer;
revoke all on language plpgsql from public;
grant usage on language plpgsql to clinic_owner;
alter default privileges for role clinic_owner in schema clinic grant select on tables to clinic_reader;
alter default privileges for role clinic_owner revoke execute on functions from public;
alter default privileges for role clinic_owner grant usage on types to clinic_writer;
alter default privileges grant select, usage on sequences to clinic_reader with grant option;
