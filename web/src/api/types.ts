/** The API's records under the names that the app uses. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Person = Schemas['Person']
export type Me = Schemas['Me']
export type MachineSummary = Schemas['MachineSummary']
export type Machine = Schemas['Machine']
export type Tag = Schemas['Tag']
export type TagValue = Schemas['TagValue']
export type History = Schemas['History']
export type Series = Schemas['Series']
export type Label = Schemas['Label']
export type OrderSummary = Schemas['OrderSummary']
export type Order = Schemas['Order']
export type OrderEvent = Schemas['OrderEvent']
export type OrderAction = Schemas['OrderAction']
export type AllowedAction = Schemas['AllowedAction']
export type Action = AllowedAction['action']
export type OrderState = Order['state']
export type Verdict = NonNullable<Order['verdict']>
export type Alarm = Schemas['Alarm']
export type Evidence = Schemas['Evidence']
export type PublicLabel = Schemas['PublicLabel']
export type Symptom = PublicLabel['symptoms'][number]
export type ReportAnswer = Schemas['ReportAnswer']
export type ReportStatus = Schemas['ReportStatus']

/** What was frozen with an alarm (version 1); the API hands it on as it was hashed. */
export interface Snapshot {
  version: number
  machine: string
  cause: string
  detector: string
  onset_ms: number
  tags: EvidenceTag[]
}

export interface EvidenceTag {
  slug: string
  name: string
  unit: string
  share: number
  times_ms: number[]
  values: (number | null)[]
  expected: (number | null)[] | null
  limits: Partial<Record<'high_high' | 'high' | 'low' | 'low_low', number>>
}
