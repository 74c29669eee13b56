// openapi-generator's Go client; prints what it got as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	aio "github.com/aio/client"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	client := aio.NewAPIClient(aio.NewConfiguration())
	signed := context.WithValue(context.Background(), aio.ContextAccessToken, os.Args[1])
	hello := "hello"
	message := aio.NewChatMessage("user")
	message.SetContent(aio.ChatMessageContent{String: &hello})
	answer, _, err := client.OpenAIAPI.OpenaiCreateChatCompletion(signed).
		ChatCompletionBody(*aio.NewChatCompletionBody("gemini", []aio.ChatMessage{*message})).Execute()
	must(err)
	text, _, err := client.OmakaseAPI.GenerateText(signed).TextChatBody(*aio.NewTextChatBody(hello)).Execute()
	must(err)
	models, _, err := client.OpenAIAPI.OpenaiListModels(signed).Execute()
	must(err)
	ids := []string{}
	for _, model := range models.Data {
		ids = append(ids, model.Id)
	}
	wrong := context.WithValue(context.Background(), aio.ContextAccessToken, "aio_wrong")
	_, refused, err := client.OmakaseAPI.GenerateText(wrong).TextChatBody(*aio.NewTextChatBody(hello)).Execute()
	if err == nil {
		fmt.Fprintln(os.Stderr, "a wrong key was accepted")
		os.Exit(1)
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"chat":    answer.Choices[0].Message.GetContent(),
		"tokens":  answer.Usage.PromptTokens,
		"text":    text.Text,
		"models":  ids,
		"refused": refused.StatusCode,
	}))
}
