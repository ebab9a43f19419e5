/** Reports that could not be sent yet, kept on the phone with photo and voice until the server has them. */
import type { Symptom } from '../api/types'

export interface Report {
  id: string
  token: string
  symptom: Symptom
  text: string
  reporter: string
  language: string
  device_time: string
  photo: Blob | null
  voice: Blob | null
}

export interface Outbox {
  keep: (report: Report) => Promise<void>
  waiting: () => Promise<Report[]>
  drop: (id: string) => Promise<void>
}

const STORE = 'reports'

export async function openOutbox(name = 'linewright'): Promise<Outbox> {
  const database = await opened(name)
  const run = <T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode)
      const request = act(transaction.objectStore(STORE))
      // Only a completed transaction is on the disk.
      transaction.oncomplete = () => resolve(request.result)
      transaction.onerror = transaction.onabort = () => reject(transaction.error ?? request.error)
    })
  return {
    keep: async (report) => void (await run('readwrite', (store) => store.put(report))),
    waiting: () => run<Report[]>('readonly', (store) => store.getAll()),
    drop: async (id) => void (await run('readwrite', (store) => store.delete(id))),
  }
}

function opened(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
