// A time zone that nobody has.
function Decoder(bytes) {
  return { time: new Date(0).toLocaleString('en-US', { timeZone: 'Mars/Olympus' }) };
}
