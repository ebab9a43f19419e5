/** Chinese texts. */
import type { Texts } from '../en'
import pages from './pages'
import report from './report'
import terms from './terms'

const zh: Texts = { ...terms, ...report, ...pages }

export default zh
