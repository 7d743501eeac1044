-- Functions in several languages, aggregates, operators, casts, triggers, rules, event triggers.
create function clinic.plus_one(i int) returns int language sql immutable strict parallel safe cost 5 as 'select i + 1';
create function clinic.add_all(variadic numbers int[]) returns bigint language sql immutable begin atomic select sum(n) from unnest(numbers) as n; end;
create function clinic.lower_c(text) returns text language internal immutable strict as 'lower';
create function clinic.trigram_similarity(text, text) returns float4 language c immutable strict as '$libdir/pg_trgm', 'similarity';
create function clinic.wards_of(doctor int, out ward int, out code text) returns setof record language plpgsql stable security definer set search_path = clinic, pg_temp rows 3
  as $body$ begin return query select w.id, w.code from clinic.ward w where w.head = doctor; /* $$ nested 'quotes' */ end $body$;
create function clinic.find(needle text default 'x''y', "limit" int default 10) returns table (id int, label text) language plpgsql as
  $$ begin return query execute format('select id, label from clinic.device where label like %L limit %s', '%' || needle || '%', "limit"); end $$;
create procedure clinic.tidy(inout removed int default 0) language plpgsql as $$ begin delete from clinic.scratchpad where false; get diagnostics removed = row_count; end $$;
revoke execute on function clinic.wards_of(int) from public;
grant execute on function clinic.wards_of(int) to clinic_writer with grant option;
alter function clinic.plus_one(int) owner to clinic_owner;
comment on function clinic.plus_one(int) is 'adds one';
comment on procedure clinic.tidy(int) is 'tidies';

create function clinic.longest_step(state text, next text) returns text language sql immutable as $$ select case when state is null or length(next) > length(state) then next else state end $$;
create aggregate clinic.longest(text) (sfunc = clinic.longest_step, stype = text, combinefunc = clinic.longest_step, parallel = safe);
create function clinic.coding_equals(clinic.coding, clinic.coding) returns boolean language sql immutable as $$ select ($1).code = ($2).code $$;
create operator clinic.=== (leftarg = clinic.coding, rightarg = clinic.coding, function = clinic.coding_equals, commutator = operator(clinic.===));
create function clinic.severity_weight(clinic.severity) returns int language sql immutable as $$ select case $1 when 'fatal' then 3 when 'error' then 2 else 1 end $$;
create cast (clinic.severity as int) with function clinic.severity_weight(clinic.severity) as assignment;
create operator family clinic.reverse_ops using btree;
create function clinic.compare_reversed(int, int) returns int language sql immutable as $$ select btint4cmp($2, $1) $$;
create operator class clinic.int_reversed for type int using btree family clinic.reverse_ops as
  operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 clinic.compare_reversed(int, int);
create index numbers_reversed on clinic.numbers (object);
create index doctor_reversed on clinic.doctor (id clinic.int_reversed);
create text search dictionary clinic.plain (template = simple, stopwords = 'english');
create text search configuration clinic.notes (copy = english);
alter text search configuration clinic.notes alter mapping for asciiword with clinic.plain, english_stem;
create conversion clinic.latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create function clinic.twin_handler() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create trusted language plpgsql_twin handler clinic.twin_handler;
create function clinic.in_twin() returns int language plpgsql_twin as 'begin return 7; end';

create table clinic.audit (id bigserial primary key, tab text, what text, at timestamptz default '2024-01-01 00:00+00');
create function clinic.note_change() returns trigger language plpgsql as
  $$ begin insert into clinic.audit (tab, what) values (tg_table_name, tg_op || ' ' || coalesce(tg_argv[0], '')); return null; end $$;
create trigger doctor_changed after insert or update of name or delete on clinic.doctor for each row when (pg_trigger_depth() = 0) execute function clinic.note_change('it''s', '2');
create trigger "Ward changed" after truncate on clinic.ward execute function clinic.note_change();
create trigger result_changed after insert on clinic.result referencing new table as fresh for each statement execute function clinic.note_change();
create trigger row_changed after insert on clinic.result for each row when (new.ward = 1) execute function clinic.note_change('leaf');
create trigger disabled_one after insert on clinic.device for each statement execute function clinic.note_change();
create trigger always_one after insert on clinic.device for each statement execute function clinic.note_change();
create constraint trigger late_one after insert on clinic.numbers deferrable initially deferred for each row execute function clinic.note_change();
alter table clinic.device disable trigger disabled_one;
alter table clinic.device enable always trigger always_one;
alter table clinic.numbers enable replica trigger late_one;
comment on trigger always_one on clinic.device is 'fires always';
insert into clinic.doctor (name) values ('Dürer');

create view clinic.device_list as select id, label from clinic.device;
create rule device_list_insert as on insert to clinic.device_list do instead insert into clinic.device (id, label) values (new.id, new.label) returning id, label;
create rule no_delete as on delete to clinic.empty_table do also nothing;
alter table clinic.empty_table disable rule no_delete;

create function clinic.on_ddl() returns event_trigger language plpgsql as $$ begin if current_setting('clinic.strict', true) = 'on' then raise exception 'no'; end if; end $$;
create event trigger clinic_ddl on ddl_command_end when tag in ('DROP TABLE', 'ALTER TABLE') execute function clinic.on_ddl();
alter event trigger clinic_ddl enable always;
create event trigger clinic_disabled on sql_drop execute function clinic.on_ddl();
alter event trigger clinic_disabled disable;
