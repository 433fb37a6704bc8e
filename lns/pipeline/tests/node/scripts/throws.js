// What goes wrong is an error there and here.
function Decoder(bytes, port) {
  if (port === 1) return missing.value;
  if (port === 2) return null.x;
  return { ok: true };
}
