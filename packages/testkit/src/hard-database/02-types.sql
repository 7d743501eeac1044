-- Types of users: enums with inserted labels, composites, domains, ranges, a base of collations.
create type clinic.severity as enum ('fatal', 'error', 'warning', 'information');
create type clinic."Odd Enum" as enum ('it''s', 'two words', 'Ü', '');
create type clinic.coding as (system text, code varchar(20), display text);
create type clinic.issue as (severity clinic.severity, codes clinic.coding[], at timestamptz);
create type clinic.score_range as range (subtype = float8, subtype_diff = float8mi);

create domain clinic.email as text collate "C" check (value ~ '^[^@]+@[^@]+$') not null default 'nobody@example.org';
create domain clinic.small_positive as int check (value > 0) constraint below_hundred check (value < 100);
create domain clinic.codings as clinic.coding[];

create collation clinic.german_phonebook (provider = icu, locale = 'de-u-co-phonebk');
create collation clinic.ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create collation clinic.plain (provider = libc, locale = 'C');

alter type clinic.coding owner to clinic_owner;
revoke usage on type clinic.coding from public;
grant usage on type clinic.coding to clinic_writer;
comment on type clinic.issue is 'one finding of a validation';
comment on domain clinic.email is E'an address\nin two lines';
