/** English texts; the shape that every other language must have. */
import pages from './pages'
import report from './report'
import terms from './terms'

const en = { ...terms, ...report, ...pages }

export type Texts = typeof en
export default en
