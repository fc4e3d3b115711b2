// The microphone for a moment, and what it heard as a WAV file: 16 bits, one channel, at the rate the browser gives.
const LONGEST = 3000; // milliseconds

// Resolves with a Blob once `stop()` is called or three seconds are over; `started(stop)` is called when it listens.
export async function recorded(started) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  try {
    const recorder = new MediaRecorder(stream);
    const parts = [];
    const ended = new Promise((resolve, reject) => {
      recorder.ondataavailable = ({ data }) => parts.push(data);
      recorder.onstop = resolve;
      recorder.onerror = ({ error }) => reject(error);
    });
    recorder.start();
    const stop = () => recorder.state === "recording" && recorder.stop();
    const timer = setTimeout(stop, LONGEST);
    started(stop);
    await ended;
    clearTimeout(timer);
    return await wav(new Blob(parts, { type: recorder.mimeType }));
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

async function wav(blob) {
  const context = new AudioContext();
  try {
    const sound = await context.decodeAudioData(await blob.arrayBuffer());
    const channels = Array.from({ length: sound.numberOfChannels }, (_, k) => sound.getChannelData(k));
    const samples = channels[0].map((_, k) => channels.reduce((sum, each) => sum + each[k], 0) / channels.length);
    return written(samples, sound.sampleRate);
  } finally {
    await context.close();
  }
}

function written(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, words) => [...words].forEach((sign, k) => view.setUint8(at + k, sign.charCodeAt(0)));
  const fields = [[16, 16], [24, rate], [28, 2 * rate], [40, 2 * samples.length]];
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  for (const [at, value] of fields) view.setUint32(at, value, true);
  for (const [at, value] of [[20, 1], [22, 1], [32, 2], [34, 16]]) view.setUint16(at, value, true);
  text(36, "data");
  samples.forEach((sample, k) => view.setInt16(44 + 2 * k, 32767 * Math.max(-1, Math.min(1, sample)), true));
  return new Blob([view], { type: "audio/wav" });
}
