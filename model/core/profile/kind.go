package profile

// Kind says what a person did with an item.
type Kind uint8

// The kinds of event, as they stand in requests, profiles and event logs.
const (
	KindUnknown Kind = 0
	KindView    Kind = 1 // saw the item's page
	KindClick   Kind = 2 // chose it from a list
	KindLike    Kind = 3 // said so
	KindBuy     Kind = 4 // bought, finished, subscribed
	KindHide    Kind = 5 // does not want to see it: adds nothing to taste, never shown again
)

// Kinds is the number of kinds, KindUnknown included.
const Kinds = 6

var kindNames = [Kinds]string{"unknown", "view", "click", "like", "buy", "hide"}

// String gives the kind's name as it is written in event logs.
func (k Kind) String() string {
	if k < Kinds {
		return kindNames[k]
	}
	return "unknown"
}

// ParseKind is the inverse of String; ok is false for any other word.
func ParseKind(name string) (kind Kind, ok bool) {
	for k := KindView; k < Kinds; k++ {
		if kindNames[k] == name {
			return k, true
		}
	}
	return KindUnknown, false
}
