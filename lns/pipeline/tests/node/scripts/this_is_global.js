// A script that was written for a browser: this is the global object.
this.scale = 10;
var self = this;
var table = { 1: 'open', 2: 'closed' };
function Decode(fPort, bytes) {
  this.count = (this.count || 0) + bytes.length;
  var inner = function () { return this === self; };
  return {
    state: self.table[bytes[0]] || 'unknown', scaled: bytes[1] / this.scale, same: inner(),
    count: count, named: typeof self.Decode, boxed: typeof (function () { return this; }).call(5),
    nothing: (function () { return this === self; }).call(null)
  };
}
