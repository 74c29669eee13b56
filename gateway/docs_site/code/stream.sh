curl --no-buffer "$AIO_BASE_URL/v1/chat/completions" \
  -H "Authorization: Bearer $AIO_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{"model": "gemini", "messages": [{"role": "user", "content": "Hello!"}], "stream": true}'
