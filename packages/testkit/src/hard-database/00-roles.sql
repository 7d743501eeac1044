-- Roles belong to the cluster: attributes, memberships, passwords, settings, odd names.
create role clinic_super superuser nologin;
create role clinic_owner nologin;
create role clinic_reader nologin;
create role clinic_writer nologin;
create role "Ärztin O'Neill" login password 'pässwörd with ''quotes''' valid until '2099-12-31 23:00:00+00' connection limit 7;
create role "role""with quotes" login createdb createrole;
create role replicator login replication password 'replicate me';
create role bypasser nologin bypassrls noinherit;
comment on role clinic_owner is 'owns the clinic''s schemas';

grant clinic_reader to clinic_writer;
grant clinic_writer to "Ärztin O'Neill" with admin option;
grant pg_read_all_data to clinic_reader;

alter role clinic_reader set statement_timeout = '30s';
alter role "Ärztin O'Neill" set search_path = 'clinic', 'public';
alter role "Ärztin O'Neill" set "clinic.greeting" = 'Grüß Gott, it''s ready';
