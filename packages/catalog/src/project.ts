export type BackupFact = never
