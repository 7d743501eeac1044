CREATE ROLE records;
CREATE ROLE lifeboat_backup LOGIN BYPASSRLS PASSWORD :'backup_password' IN ROLE pg_read_all_data;
CREATE DATABASE records_fhir_platform OWNER records;
\connect records_fhir_platform
SET ROLE records;
SELECT setseed(0.42) \g /dev/null

CREATE TABLE resources (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  resource_type text NOT NULL,
  data jsonb NOT NULL,
  last_updated timestamptz NOT NULL
);
INSERT INTO resources (resource_type, data, last_updated)
SELECT kind, jsonb_build_object(
         'resourceType', kind,
         'id', md5(random()::text),
         'status', (ARRAY['final', 'amended', 'preliminary'])[1 + floor(random() * 3)],
         'subject', jsonb_build_object('reference', 'Patient/' || floor(random() * 2000)),
         'valueQuantity', jsonb_build_object('value', round((random() * 200)::numeric, 2), 'unit', 'mg/dL'),
         'note', (SELECT jsonb_agg(md5(random()::text || line)) FROM generate_series(1, 1 + n % 12) line)),
       timestamptz '2026-01-01 00:00:00+00' - random() * interval '900 days'
FROM (SELECT n, (ARRAY['Observation', 'Encounter', 'Condition', 'MedicationRequest'])[1 + floor(random() * 4)] AS kind
      FROM generate_series(1, 20000) n) one;

CREATE TABLE validation_settings (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  settings jsonb NOT NULL
);
INSERT INTO validation_settings (name, settings)
SELECT 'settings-' || n, jsonb_build_object('timeoutMs', n * 1000, 'profile', jsonb_build_object('enabled', n % 2 = 0))
FROM generate_series(1, 10) n;

CREATE TABLE validation_results (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  resource_id bigint NOT NULL REFERENCES resources,
  settings_id integer NOT NULL REFERENCES validation_settings,
  is_valid boolean NOT NULL,
  issues jsonb NOT NULL,
  validated_at timestamptz NOT NULL
);
INSERT INTO validation_results (resource_id, settings_id, is_valid, issues, validated_at)
SELECT id, 1 + id % 10, random() < 0.8, jsonb_build_array(jsonb_build_object('code', md5(random()::text), 'severity', 'warning')), last_updated
FROM resources, generate_series(1, 2);
CREATE INDEX ON validation_results (resource_id, validated_at DESC);
ANALYZE resources, validation_settings, validation_results;
