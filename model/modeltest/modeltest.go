// Package modeltest makes small worlds for tests and for trying things out:
// a log whose right answer is known by thought, and a magazine and a daily paper
// whose readers' tastes are known. The same arguments give the same world, byte for byte, on
// every machine: nothing is rounded as a machine likes.
package modeltest

import (
	"fmt"

	"github.com/nearside/nearside/model/data"
)

// Checkerboard returns the log in which even users have every even item and
// odd users every odd item, but user u has not had item u. So item u is the
// right answer for every user u < items: it has the parity of the user's
// history, and it is the only such item that is left. Users are called u0, u1,
// … and items i0, i1, …, with indices in that order. The idea is that of the
// test suite of benfred/implicit.
func Checkerboard(users, items int) *data.Log {
	log := &data.Log{}
	for u := range users {
		log.Users.Add(fmt.Sprintf("u%d", u))
	}
	for i := range items {
		log.Items.Add(fmt.Sprintf("i%d", i))
	}
	for u := range users {
		for i := u % 2; i < items; i += 2 {
			if i != u {
				log.User = append(log.User, int32(u))
				log.Item = append(log.Item, int32(i))
			}
		}
	}
	return log
}
