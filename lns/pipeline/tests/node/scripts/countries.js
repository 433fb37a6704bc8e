// Numbers and dates in the manner of a country.
function Decoder(bytes) {
  var number = bytes[0] * 1234.5678 + bytes[1] / 200;
  var date = new Date(1700000000000 + bytes[2] * 31 * 86400000 + bytes[3] * 3600000);
  return {
    plain: number.toLocaleString(), english: number.toLocaleString('en-US'), negative: (-number).toLocaleString(),
    cents: number.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
    two: bytes[3].toLocaleString('en-US', { minimumIntegerDigits: 2, useGrouping: false }),
    half: (1.005).toLocaleString('en', { maximumFractionDigits: 2 }), large: (number * 1e18).toLocaleString(),
    big: (-123456789n).toLocaleString(), none: [NaN.toLocaleString(), (1 / 0).toLocaleString(), (-0).toLocaleString()],
    time: date.toLocaleString('en-US', { timeZone: 'UTC' }),
    day: date.toLocaleDateString('en-US', { timeZone: 'America/New_York' }),
    clock: date.toLocaleTimeString('en-US', { timeZone: 'Asia/Kolkata' }),
    britain: date.toLocaleString('en-GB', { timeZone: 'Europe/London' }),
    germany: date.toLocaleString('de-DE', { timeZone: 'Europe/Berlin' }),
    france: date.toLocaleDateString('fr-FR', { timeZone: 'UTC' }),
    sweden: date.toLocaleString('sv-SE', { timeZone: 'UTC' }), never: new Date(NaN).toLocaleString()
  };
}
