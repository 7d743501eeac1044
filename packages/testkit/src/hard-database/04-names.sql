-- Names that have to be quoted, look like something else, or are as long as a name can be.
create schema "Größe & Co.";
create table "Größe & Co."."select" ("from" int primary key, "Weird ""Column""" text, "  " int, "日本語" text default '既定', "a'b\c" int);
insert into "Größe & Co."."select" values (1, 'x', 2, '血圧', 3), (2, null, null, null, null);
create index "index with space" on "Größe & Co."."select" (lower("Weird ""Column"""), "a'b\c" desc nulls last);
create table "Größe & Co."."select; drop table clinic.numbers; --" (x int check (x <> 1));
insert into "Größe & Co."."select; drop table clinic.numbers; --" values (0);
create table "Größe & Co.".this_name_is_exactly_sixty_three_bytes_long_and_not_one_more_okay (this_column_is_also_exactly_sixty_three_bytes_long_and_no_longer1 int);
create sequence "Größe & Co."."Seq ""x""" as smallint increment by -3 minvalue -30000 maxvalue 100 start 100 cache 5 cycle;
select nextval('"Größe & Co."."Seq ""x"""') from generate_series(1, 7);
create function "Größe & Co."."Fn"("Arg" int default 1, variadic "rest" text[] default '{}') returns text language sql immutable as $$ select "Arg" || array_to_string("rest", '$') $$;
create view "Größe & Co."."View" ("Spalte Ä", "b") as select "from", "日本語" from "Größe & Co."."select";
comment on column "Größe & Co."."select"."日本語" is 'Spalte auf Japanisch: ''既定''';
comment on table "Größe & Co."."select" is E'quote '' backslash \\ newline \n end';
grant select ("from"), update ("  ") on "Größe & Co."."select" to "Ärztin O'Neill";
