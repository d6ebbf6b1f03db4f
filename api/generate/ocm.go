package main

func ocm() object {
	return object{"definitions": map[string]object{}}
}
