/** Common first: `pickSkewed` prefers the front. */
export const FAMILIES =
  'Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Nowak Kowalska Yılmaz Öztürk Silva Santos García Martínez Rossi Ferrari Dubois Lefèvre Jansen Visser O’Brien Ivanova Петренко Παπαδόπουλος Nguyễn Trần 山田 佐藤 김 Haddad Okafor Mensah Björklund Ångström Dvořák Horváth Ionescu Żółć'.split(
    ' ',
  )
export const GIVENS =
  'Anna Maria Paul Leon Emma Mia Noah Lukas Sophie Élodie Jürgen Łukasz Özlem João Inés Chiara Zoë Søren Aoife Дмитро Ελένη 花子 민준 Fatima Kwame Ngozi Björn Tomáš Ágnes Ștefan'.split(
    ' ',
  )
export const CITIES =
  'Berlin Hamburg München Köln Leipzig Dresden Zürich Wien Gdańsk Łódź Lyon Porto Sevilla Torino Århus Göteborg Dublin Kyiv Athína İzmir'.split(
    ' ',
  )

/** Code, display, unit, mean, deviation. */
export const LABORATORY = [
  ['8867-4', 'Heart rate', '/min', 74, 11],
  ['8480-6', 'Systolic blood pressure', 'mm[Hg]', 124, 16],
  ['8462-4', 'Diastolic blood pressure', 'mm[Hg]', 78, 10],
  ['8310-5', 'Body temperature', 'Cel', 36.8, 0.5],
  ['29463-7', 'Body weight', 'kg', 76, 15],
  ['8302-2', 'Body height', 'cm', 171, 10],
  ['2339-0', 'Glucose [Mass/volume] in Blood', 'mg/dL', 101, 24],
  ['4548-4', 'Hemoglobin A1c/Hemoglobin.total in Blood', '%', 5.9, 0.9],
  ['718-7', 'Hemoglobin [Mass/volume] in Blood', 'g/dL', 14.1, 1.6],
  ['6690-2', 'Leukocytes [#/volume] in Blood by Automated count', '10*3/uL', 7.1, 2.1],
  ['777-3', 'Platelets [#/volume] in Blood by Automated count', '10*3/uL', 251, 58],
  ['2160-0', 'Creatinine [Mass/volume] in Serum or Plasma', 'mg/dL', 0.94, 0.22],
  ['2823-3', 'Potassium [Moles/volume] in Serum or Plasma', 'mmol/L', 4.2, 0.4],
  ['2951-2', 'Sodium [Moles/volume] in Serum or Plasma', 'mmol/L', 140, 2.6],
  ['1742-6', 'Alanine aminotransferase [Enzymatic activity/volume]', 'U/L', 27, 13],
  ['2093-3', 'Cholesterol [Mass/volume] in Serum or Plasma', 'mg/dL', 192, 37],
  ['3016-3', 'Thyrotropin [Units/volume] in Serum or Plasma', 'm[IU]/L', 2.1, 1.0],
  ['1988-5', 'C reactive protein [Mass/volume] in Serum or Plasma', 'mg/L', 4.4, 4.0],
] as const

export const CONDITIONS = [
  ['38341003', 'Hypertensive disorder, systemic arterial'],
  ['44054006', 'Diabetes mellitus type 2'],
  ['195967001', 'Asthma'],
  ['55822004', 'Hyperlipidemia'],
  ['396275006', 'Osteoarthritis'],
  ['35489007', 'Depressive disorder'],
  ['40930008', 'Hypothyroidism'],
  ['13645005', 'Chronic obstructive lung disease'],
  ['49436004', 'Atrial fibrillation'],
  ['233604007', 'Pneumonia'],
] as const

export const MEDICATIONS = [
  ['314076', 'lisinopril 10 MG Oral Tablet'],
  ['860975', 'metformin hydrochloride 500 MG Extended Release Oral Tablet'],
  ['617312', 'atorvastatin 20 MG Oral Tablet'],
  ['197361', 'amlodipine 5 MG Oral Tablet'],
  ['966222', 'levothyroxine sodium 0.05 MG Oral Tablet'],
  ['198211', 'simvastatin 40 MG Oral Tablet'],
  ['312615', 'prednisone 20 MG Oral Tablet'],
  ['308182', 'amoxicillin 250 MG Oral Capsule'],
] as const

/** What validators complain about: code, severity, message with room for a path. */
export const ISSUES = [
  ['required', 'error', 'minimum required = 1, but only found 0 (from the profile)'],
  ['code-invalid', 'warning', 'the code is not in the value set, and a code is recommended to come from it'],
  ['invariant', 'error', 'constraint failed: either a value or a reason for its absence must be given'],
  ['value', 'error', 'not a valid date/time: the zone is missing'],
  ['structure', 'error', 'this element is not allowed by the profile'],
  ['informational', 'information', 'this element does not match any known slice'],
  ['business-rule', 'warning', 'the reference points to a resource this server does not know'],
  ['unknown-extension', 'information', 'the extension is unknown, and not allowed here'],
] as const

export const PROFILES = ['Patient', 'Observation', 'Encounter', 'Condition', 'MedicationRequest', 'DiagnosticReport']

/** For narratives; long and short words in the proportion of clinical notes. */
export const WORDS =
  'patient reports mild moderate severe pain since yesterday evening in the left right upper lower abdomen chest shoulder knee without fever cough dyspnoea on exertion no known allergies family history of diabetes hypertension stroke examination shows normal heart sounds lungs clear bilateral oedema reflexes symmetric laboratory results pending discussed with relatives agreed to follow up within two weeks dosage increased reduced discontinued because nausea dizziness improved well tolerated advised hydration physiotherapy referral cardiology neurology imaging unremarkable suspected confirmed ruled out vaccination status complete smoker former never alcohol occasionally lives alone independent mobility wheelchair sleeping poorly appetite good weight stable loss gain'.split(
    ' ',
  )
