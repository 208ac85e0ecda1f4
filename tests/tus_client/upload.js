// Sends a file with tus-js-client as its documentation shows it, and prints what came of it.
// node upload.js '{"endpoint", "token", "path", "options"}'

const fs = require('fs')
const tus = require('tus-js-client')

const asked = JSON.parse(process.argv[2])
const told = { retries: 0, url: null, events: [] }

const upload = new tus.Upload(fs.createReadStream(asked.path), {
  endpoint: asked.endpoint,
  headers: { Authorization: `Bearer ${asked.token}` },
  metadata: asked.metadata,
  uploadSize: fs.statSync(asked.path).size,
  retryDelays: Array(60).fill(20),
  chunkSize: 128 * 1024,
  onAfterResponse(request, response) {
    told.events.push(`${request.getMethod()} ${response.getStatus()}`)
  },
  onError(error) {
    told.error = String(error)
    finish(1)
  },
  onSuccess() {
    told.url = upload.url
    finish(0)
  },
  ...asked.options,
})

function finish(code) {
  console.log(JSON.stringify(told))
  process.exitCode = code
}

upload.start()
