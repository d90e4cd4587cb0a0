// Judges the partitions of a history with Porcupine.
//
// usage: porcupine FILE, a file of `atoll history export --format porcupine`. Prints one line of JSON per partition that is
// not linearizable, then a line with the counts; exits with 0 when all are linearizable, 1 when one is not or was too
// hard, 2 when the file cannot be read.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

type call struct {
	Op    string          `json:"op"`
	Input json.RawMessage `json:"input"`
}

type answer struct {
	Output  json.RawMessage `json:"output"`
	Unknown bool            `json:"unknown"`
}

type event struct {
	ClientId int
	Kind     bool
	Id       int
	Value    json.RawMessage
}

type partition struct {
	Place  string  `json:"place"`
	Model  string  `json:"model"`
	Events []event `json:"events"`
}

// A partition that takes longer is called too hard.
const timeoutEach = 60 * time.Second

// text is the one text of a JSON value: keys sorted, no blanks. An absent value is null.
func text(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "null"
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value interface{}
	if err := decoder.Decode(&value); err != nil {
		panic(err)
	}
	plain, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(plain)
}

// The value of a register is the text of what was written last.
func registerModel() porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return "null" },
		Step: func(state, input, output interface{}) (bool, interface{}) {
			asked, told := input.(call), output.(answer)
			switch asked.Op {
			case "read":
				return text(told.Output) == state.(string), state
			case "write":
				return true, text(asked.Input)
			case "cas":
				var swap struct{ Expected, Value json.RawMessage }
				if err := json.Unmarshal(asked.Input, &swap); err != nil {
					panic(err)
				}
				holds := text(swap.Expected) == state.(string)
				if !told.Unknown && (text(told.Output) == "true") != holds {
					return false, state
				}
				if holds {
					return true, text(swap.Value)
				}
				return true, state
			}
			panic("a register knows no " + asked.Op)
		},
	}
}

// The state of a set is its elements' texts, sorted, a line each.
func setModel() porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return "" },
		Step: func(state, input, output interface{}) (bool, interface{}) {
			asked, told := input.(call), output.(answer)
			switch asked.Op {
			case "read":
				var elements []json.RawMessage
				if err := json.Unmarshal(told.Output, &elements); err != nil {
					panic(err)
				}
				shown := make([]string, 0, len(elements))
				for _, element := range elements {
					shown = append(shown, text(element))
				}
				return join(shown) == state.(string), state
			case "add", "remove":
				element := text(asked.Input)
				rest := []string{}
				for _, one := range strings.Split(state.(string), "\n") {
					if one != "" && one != element {
						rest = append(rest, one)
					}
				}
				if asked.Op == "add" {
					rest = append(rest, element)
				}
				return true, join(rest)
			}
			panic("a set knows no " + asked.Op)
		},
	}
}

func join(elements []string) string {
	sort.Strings(elements)
	return strings.Join(elements, "\n")
}

func counterModel() porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return int64(0) },
		Step: func(state, input, output interface{}) (bool, interface{}) {
			asked, told := input.(call), output.(answer)
			switch asked.Op {
			case "read":
				return number(told.Output) == state.(int64), state
			case "increment":
				return true, state.(int64) + number(asked.Input)
			}
			panic("a counter knows no " + asked.Op)
		},
	}
}

// number reads a number, also one that is told as text; null is 0.
func number(raw json.RawMessage) int64 {
	var value int64
	plain := strings.Trim(text(raw), `"`)
	if plain == "null" {
		return 0
	}
	if _, err := fmt.Sscanf(plain, "%d", &value); err != nil {
		panic(err)
	}
	return value
}

func modelOf(name string) porcupine.Model {
	switch name {
	case "register":
		return registerModel()
	case "set":
		return setModel()
	case "counter":
		return counterModel()
	}
	panic("there is no model " + name)
}

func judge(history partition) porcupine.CheckResult {
	events := make([]porcupine.Event, 0, len(history.Events))
	for _, told := range history.Events {
		next := porcupine.Event{ClientId: told.ClientId, Kind: porcupine.EventKind(told.Kind), Id: told.Id}
		if told.Kind {
			var value answer
			must(json.Unmarshal(told.Value, &value))
			next.Value = value
		} else {
			var value call
			must(json.Unmarshal(told.Value, &value))
			next.Value = value
		}
		events = append(events, next)
	}
	return porcupine.CheckEventsTimeout(modelOf(history.Model), events, timeoutEach)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: porcupine FILE")
		os.Exit(2)
	}
	file, err := os.ReadFile(os.Args[1])
	must(err)
	var partitions []partition
	must(json.Unmarshal(file, &partitions))
	counts := map[porcupine.CheckResult]int{}
	encoder := json.NewEncoder(os.Stdout)
	for _, history := range partitions {
		verdict := judge(history)
		counts[verdict]++
		if verdict != porcupine.Ok {
			must(encoder.Encode(map[string]string{"place": history.Place, "verdict": string(verdict)}))
		}
	}
	must(encoder.Encode(map[string]int{
		"partitions":      len(partitions),
		"linearizable":    counts[porcupine.Ok],
		"notLinearizable": counts[porcupine.Illegal],
		"tooHard":         counts[porcupine.Unknown],
	}))
	if counts[porcupine.Ok] != len(partitions) {
		os.Exit(1)
	}
}
