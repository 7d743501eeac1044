-- Views with options and circular ties, recursive ones, materialized ones with and without contents.
create view clinic.heavy with (security_barrier = true, check_option = cascaded) as select * from clinic.measure where bmi > 25;
create view clinic.invoker with (security_invoker = true) as select m.id, m.bmi, d.name from clinic.measure m left join clinic.doctor d using (id);
create recursive view clinic.mentors (id, mentor, depth) as
  select id, mentor, 1 from clinic.doctor union all select m.id, d.mentor, depth + 1 from mentors m join clinic.doctor d on d.id = m.mentor where depth < 3;
create view clinic.windowed as
  select state, count(*) filter (where patient > 1) over w as n, lag(patient, 1, 0) over w as before, row_number() over (order by patient desc nulls last)
    from clinic.stay window w as (partition by state order by patient rows between unbounded preceding and current row);
create view clinic.grouped as
  select ward, state, grouping(ward, state) as g, array_agg(patient order by patient) as patients, percentile_cont(0.5) within group (order by patient)
    from clinic.stay group by grouping sets ((ward, state), rollup (ward), ()) having count(*) > 0;
create view clinic.states as select * from clinic.stay where state in ('planned', 'running') and not (ward between 5 and 7 or patient is distinct from 2);
create view clinic.lateral_one as select d.id, x.* from clinic.device d cross join lateral extensions.each(d.attributes) x (k, v) where d.label not like 'Ger\_t%' escape '\';
alter view clinic.heavy alter column label set default 'from the view';
grant select on clinic.heavy to clinic_reader;
comment on view clinic.heavy is 'above 25';
create materialized view clinic.by_state as select state, count(*) as n from clinic.stay group by state with data;
create unique index by_state_state on clinic.by_state (state);
create materialized view clinic.unfilled as select * from clinic.by_state with no data;
create materialized view clinic.on_matview with (fillfactor = 80) as select n from clinic.by_state;
alter materialized view clinic.by_state owner to clinic_owner;
grant select on clinic.stay to clinic_owner;
