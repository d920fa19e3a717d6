import { logAndDocuments } from './0001-log-and-documents.ts'

/** In order. The one at place n leads to schema version n + 1, which the file keeps as `user_version`. */
export const migrations: readonly string[] = [logAndDocuments]
