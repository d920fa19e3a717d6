import type { Relations } from '../relations.ts'
import { logAndDocuments } from './0001-log-and-documents.ts'

/** In order. The one at place n leads to schema version n + 1, which the table `store` keeps. */
export const migrations: readonly ((relations: Relations) => string)[] = [logAndDocuments]
