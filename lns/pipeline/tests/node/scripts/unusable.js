// Results that are none.
function decodeUplink(input) {
  return [undefined, null, 5, { data: null }, { data: [1] }, {}, 'text', { data: 'text' }, [1], { data: 3 }, { data: new Date(0) }][input.fPort];
}
function encodeDownlink(input) {
  return { bytes: [undefined, [256], [-1], [1.5], 'text', {}, [null], [], [], [], [NaN]][input.fPort] };
}
