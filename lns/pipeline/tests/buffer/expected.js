// Prints, for each line of cases.txt, what Node.js makes of it; run with Node.js 20:
//   node expected.js > expected.txt
// A value is shown as JSON, an exception as the name of its kind after an exclamation mark.
const fs = require('fs');
const path = require('path');
process.noDeprecation = true;

const lines = fs.readFileSync(path.join(__dirname, 'cases.txt'), 'utf8').split('\n').filter(Boolean);
for (const line of lines) {
  let shown;
  try {
    // Indirect, so that it is evaluated as a sloppy script.
    const value = (0, eval)(line);
    shown = value === undefined ? 'undefined' : JSON.stringify(value);
  } catch (error) {
    shown = '!' + error.name;
  }
  console.log(shown);
}
