// Reads vitest's JSON report and its exit code; prints "N passed, N failed" as the last line.
import { readFileSync } from 'node:fs'

const [path = '', code = '1'] = process.argv.slice(2)

function read() {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    console.error(`No report of the tests: ${error.message}`)
    return { numPassedTests: 0, numFailedTests: 0, numTotalTests: 0, testResults: [] }
  }
}

const report = read()
const passed = report.numPassedTests
const skipped = report.numTotalTests - passed - report.numFailedTests
// A file that could not be loaded has no tests to fail; it counts as one.
const unloaded = report.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
)
const failed = report.numFailedTests + unloaded.length

if (skipped > 0) console.error(`${skipped} skipped: here a skipped test is a failure.`)
if (report.numTotalTests === 0) console.error('No test ran.')
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = Number(code) || (failed > 0 || skipped > 0 || passed === 0 ? 1 : 0)
